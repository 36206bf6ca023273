-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
--
-- orders.lua DIRECTORY ROWS: a shop's order book as two CSV files, the same at every run.
local directory, rows = arg[1], tonumber(arg[2])
local seed = 20220711
local function random(n)        -- 0 .. n-1
	seed = (seed * 6364136223846793005 + 1442695040888963407)
	return (seed >> 33) % n
end
local categories = {"books", "garden", "kitchen", "music", "office", "outdoor", "toys", "tools"}
local adjectives = {"small", "red", "folding", "quiet", "heavy", "paper", "steel", "wooden", "plain", "striped"}
local nouns = {"lamp", "chair", "kettle", "atlas", "flute", "spade", "tent", "stapler", "puzzle", "hammer", "notebook", "bowl"}
local countries = {"AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FR", "IE", "IT", "NL", "NO", "PL", "PT", "SE", "UK"}

local products = assert(io.open(directory .. "/products.csv", "w"))
products:write("id,name,category,price\n")
local price = {}
for id = 1, 960 do
	price[id] = 150 + random(20000)
	products:write(string.format("%d,%s %s,%s,%d.%02d\n", id, adjectives[random(#adjectives) + 1], nouns[random(#nouns) + 1],
		categories[random(#categories) + 1], price[id] // 100, price[id] % 100))
end
products:close()

local orders = assert(io.open(directory .. "/orders.csv", "w"))
orders:setvbuf("full", 65536)
orders:write("id,day,customer,country,product,quantity,amount,note\n")
local days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
for id = 1, rows do
	local month = random(12) + 1
	local product = 1 + math.min(random(960), random(960))          -- some sell better than others
	local quantity = 1 + random(5) * random(2)
	local cents = price[product] * quantity
	orders:write(string.format("%d,%d-%02d-%02d,customer-%05d,%s,%d,%d,%d.%02d,%s\n", id, 2020 + random(4), month,
		random(days[month]) + 1, random(25000), countries[1 + math.min(random(16), random(16))], product, quantity,
		cents // 100, cents % 100, random(9) == 0 and "\"gift, wrapped\"" or ""))
end
orders:close()
