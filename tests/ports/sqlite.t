#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the Carrel authors
#
# The SQLite shell in a cVM: the same answers as the native build's and the same database, byte for byte.
import sys

sys.path.insert(0, "tests/ports")
import ports  # noqa: E402

top, folders = ports.directories()
rows = "".join(f"{n},{n * 7919 % 10007},\"name {n * 31 % 997}, {n % 13}\",{n * n % 9973 / 7:.4f}\n" for n in range(150000))
for folder in folders.values():
    open(folder + "/rows.csv", "w").write("id,key,name,value\n" + rows)

IMPORT = b"""
.bail on
CREATE TABLE t(id INTEGER PRIMARY KEY, key INTEGER, name TEXT, value REAL);
.import --csv --skip 1 rows.csv t
CREATE INDEX by_key ON t(key);
CREATE INDEX by_name ON t(name COLLATE NOCASE, value);
ANALYZE;
SELECT count(*), sum(key), round(avg(value), 6), min(name), max(name) FROM t;
SELECT key, count(*), group_concat(id) FROM t WHERE key BETWEEN 100 AND 120 GROUP BY key ORDER BY key DESC;
SELECT a.id, b.id FROM t a JOIN t b ON a.key = b.key AND a.id < b.id WHERE a.key < 5 ORDER BY 1, 2;
PRAGMA integrity_check;
"""
CHANGE = b"""
.bail on
BEGIN; UPDATE t SET value = value * 2 WHERE key % 3 = 0; DELETE FROM t WHERE id % 5 = 0; ROLLBACK;
BEGIN; DELETE FROM t WHERE id % 5 = 0; UPDATE t SET name = upper(name) WHERE key % 7 = 0; COMMIT;
WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c WHERE x < 20000) SELECT sum(x), max(x * x) FROM c;
SELECT name, count(*) OVER (PARTITION BY key % 4), rank() OVER (ORDER BY value) FROM t WHERE id < 400;
CREATE VIRTUAL TABLE words USING fts5(name); INSERT INTO words SELECT name FROM t WHERE id < 20000;
SELECT count(*), min(rowid), max(rowid) FROM words WHERE words MATCH 'name AND 12';
SELECT json_group_array(json_object('id', id, 'v', printf('%.3f', value))) FROM t WHERE id < 60;
SELECT hex(zeroblob(8)), strftime('%Y-%m-%d', 1e9, 'unixepoch'), abs(-9223372036854775807), 1e308 * 10, 0.1 + 0.2;
SELECT date('2024-02-28', '+2 days'), typeof(1 / 3.0), like('A_%', 'abc'), 'x' GLOB '[a-z]';
VACUUM;
.dump t
"""
ports.same("imports a CSV file of 150,000 rows, indexes and queries it", lambda f: ["rows.db"], "sqlite", "sqlite3", folders, IMPORT)
ports.same("changes, windows, recursion, full text, JSON, a dump", lambda f: ["rows.db"], "sqlite", "sqlite3", folders, CHANGE,
           files=["rows.db"])
ports.same("a database in memory", lambda f: [":memory:"], "sqlite", "sqlite3", folders, IMPORT)
bad = {v: ports.run("sqlite", v, "sqlite3", ["-bail", ":memory:"], f, b"SELECT 1;\nSELECT nothing FROM nowhere;\n") for v, f in folders.items()}
ports.ok(bad["carrel"].returncode == bad["native"].returncode != 0 and bad["carrel"].stderr == bad["native"].stderr,
         "an error in SQL reads the same and exits the same", bad)
ports.done()
