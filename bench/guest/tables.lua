-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Trees, sieves, sorting, closures: allocation, the collector, calls.
local function tree(depth) if depth == 0 then return {} end return {tree(depth - 1), tree(depth - 1)} end
local function size(t) return t[1] and 1 + size(t[1]) + size(t[2]) or 1 end
local nodes = 0
for _ = 1, 100 do nodes = nodes + size(tree(14)) end
local marks, primes = {}, 0
for n = 2, 3000000 do
	if not marks[n] then primes = primes + 1 for m = n * n, 3000000, n do marks[m] = true end end
end
local seed, values = 42, {}
for n = 1, 300000 do seed = (seed * 1103515245 + 12345) % 2147483648 values[n] = seed end
table.sort(values, function(a, b) return a < b end)
local function fibonacci(n) if n < 2 then return n end return fibonacci(n - 1) + fibonacci(n - 2) end
print(nodes, primes, values[1], values[100000], fibonacci(32))
