-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Errors and coroutines: longjmp over many depths, deep recursion, finalisers.
local function deep(n) if n == 0 then error("bottom " .. n, 0) end return 1 + deep(n - 1) end
local caught = 0
for n = 1, 20000 do
	local good, message = pcall(deep, n % 150)
	if not good and message == "bottom 0" then caught = caught + 1 end
end
print(caught)
print(select(2, pcall(function() local function loop() return 1 + loop() end return loop() end)):match("stack overflow"))
local function tree(n) if n > 0 then tree(n - 1) coroutine.yield(n) tree(n - 1) end end
local sum = 0
for n in coroutine.wrap(function() tree(16) end) do sum = sum + n end
print(sum)
print(select(2, pcall(coroutine.wrap(function() pcall(error, "inner") error({code = 5}) end))).code)
local finalised = 0
for _ = 1, 50000 do setmetatable({}, {__gc = function() finalised = finalised + 1 end}) end
collectgarbage()
print(finalised)
print(select("#", table.unpack({}, 1, 200)), xpcall(function() return nil .. "x" end, function(m) return m:gsub("^.-:%d+: ", "") end))
