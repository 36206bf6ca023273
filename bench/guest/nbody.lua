-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- Planets pull at each other: floating point and table fields.
local bodies = {
	{0, 0, 0, 0, 0, 0, 39.47841760435743},
	{4.84143144246472, -1.16032004402743, -0.10362204447113, 0.60632639299583, 2.81198684491626, -0.02521836165989, 0.03769367487039},
	{8.34336671824458, 4.12479856412431, -0.40352341711433, -1.01077434617879, 1.82566237123041, 0.00841576137658, 0.01128632613197},
	{12.8943695621391, -15.1111514016986, -0.22330757889266, 1.08279100644154, 0.86871301816961, -0.01083263740136, 0.00172372405706},
	{15.3796971148509, -25.9193146099880, 0.17925877295037, 0.97909073224390, 0.59469899864767, -0.03475595555078, 0.00203368686992},
}
local function advance(dt)
	for i = 1, #bodies do
		local a = bodies[i]
		for j = i + 1, #bodies do
			local b = bodies[j]
			local dx, dy, dz = a[1] - b[1], a[2] - b[2], a[3] - b[3]
			local square = dx * dx + dy * dy + dz * dz
			local pull = dt / (square * math.sqrt(square))
			local ma, mb = a[7] * pull, b[7] * pull
			a[4], a[5], a[6] = a[4] - dx * mb, a[5] - dy * mb, a[6] - dz * mb
			b[4], b[5], b[6] = b[4] + dx * ma, b[5] + dy * ma, b[6] + dz * ma
		end
	end
	for _, b in ipairs(bodies) do b[1], b[2], b[3] = b[1] + dt * b[4], b[2] + dt * b[5], b[3] + dt * b[6] end
end
for _ = 1, 1000000 do advance(0.01) end
for _, b in ipairs(bodies) do print(string.format("%.9f %.9f %.9f", b[1], b[2], b[3])) end
