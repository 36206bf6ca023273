-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Arithmetic: floating point, integers, formatting and reading of numbers.
local x = 0
for n = 1, 300000 do x = x + math.sin(n) * math.exp(-n / 1e5) + math.sqrt(n) / math.log(n + 1) + n % 7 // 3 end
print(string.format("%.17g %a", x, x))
for n = -20, 20 do print(n, 2.0 ^ n, 10.0 ^ (n * 15), math.fmod(n, 7), n // 3, n % -3, math.tointeger(n * 1.0), n << 3, n >> 60) end
local function sieve(n)
	local marks, count = {}, 0
	for i = 2, n do
		if not marks[i] then count = count + 1 for j = i * i, n, i do marks[j] = true end end
	end
	return count
end
print(sieve(500000))
for _, text in ipairs {"0x1p-1074", "1e400", "-0.0", "123456789012345678901234567890", "0x7fffffffffffffff", "1e-320", "5 "} do
	print(text, tonumber(text), string.format("%.3f|%10.4e|%g", tonumber(text), tonumber(text), tonumber(text)))
end
print(math.maxinteger + 1 == math.mininteger, math.pi, -math.huge, 7 // 0.0, pcall(function() return 1 // 0 end))
print(os.time({year = 2022, month = 7, day = 11, hour = 12}), os.date("!%Y-%m-%d %H:%M:%S", 1657540800))
