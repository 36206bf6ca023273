-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Words of a text: patterns, interning, concatenation, formatting.
local f = assert(io.open(arg[1], "rb"))
local text = f:read(12000000)
f:close()
local counts, words = {}, {}
for word in text:gmatch("[%a_][%w_]*") do counts[word] = (counts[word] or 0) + 1 end
for word, count in pairs(counts) do words[#words + 1] = string.format("%08d %s", count, word:lower()) end
table.sort(words)
local lines = {}
for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line:gsub("%s+", " "):upper() end
print(#words, #table.concat(words, ","), #table.concat(lines, "\n"), select(2, text:gsub("(%w+)%(", "%1[")))
