-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Counts words, sorts them, matches patterns.
local f = assert(io.open(arg[1], "rb"))
local text = f:read("a")
f:close()
local counts = {}
for word in text:gmatch("[%a_][%w_]*") do counts[word] = (counts[word] or 0) + 1 end
local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b) if counts[a] ~= counts[b] then return counts[a] > counts[b] end return a < b end)
print(#words)
for n = 1, 2000 do print(counts[words[n]], words[n]) end
print(select(2, text:gsub("%b()", "")), select(2, text:gsub("0x%x+", string.upper)), #text:rep(3):reverse())
print(string.pack("<i4dz", 7, 1.5, "end"):byte(1, -1))
