-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
-- A mix after SQLite's own speed test: inserts, indexes, joins, updates, aggregates, text.
CREATE TABLE t1(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
CREATE TABLE t2(a INTEGER, b INTEGER, c TEXT);
BEGIN;
WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n WHERE x < 200000)
	INSERT INTO t1 SELECT x, x * 7919 % 100003, printf('%06d row %d', x * 31 % 999983, x) FROM n;
INSERT INTO t2 SELECT b, a, c FROM t1 ORDER BY c;
COMMIT;
CREATE INDEX t1b ON t1(b);
CREATE INDEX t2c ON t2(c);
CREATE UNIQUE INDEX t2ab ON t2(a, b);
SELECT count(*), avg(b) FROM t1 WHERE b BETWEEN 1000 AND 60000;
SELECT count(*) FROM t1 WHERE c LIKE '%9 row 1%';
SELECT sum(t1.b + t2.b) FROM t1 JOIN t2 ON t1.b = t2.a;
SELECT count(*) FROM t1, t2 WHERE t1.c = t2.c AND t1.b > 50000;
UPDATE t1 SET b = b + 1 WHERE a % 3 = 0;
UPDATE t2 SET c = upper(c) || a WHERE b < 40000;
SELECT b % 97 AS g, count(*), max(c), total(a) FROM t1 GROUP BY g ORDER BY 2 DESC, 1 LIMIT 5;
SELECT c, sum(b) OVER (ORDER BY c ROWS 50 PRECEDING) FROM t1 ORDER BY c LIMIT 3 OFFSET 100000;
DELETE FROM t2 WHERE a % 5 = 1;
INSERT OR REPLACE INTO t1 SELECT a, b, c FROM t2 WHERE b % 2 = 0;
WITH RECURSIVE n(x, y) AS (VALUES(1, 1) UNION ALL SELECT x + 1, (y * 1103515245 + 12345) % 2147483648 FROM n WHERE x < 400000)
	SELECT sum(y), min(y), max(y) FROM n;
SELECT group_concat(substr(c, 1, 3)) IS NOT NULL, count(DISTINCT substr(c, 3, 5)) FROM t1;
SELECT sum(length(hex(c))), sum(instr(c, 'row')), sum(CAST(substr(c, 1, 6) AS INTEGER)) FROM t1;
SELECT count(*), sum(CAST(x AS INTEGER)) FROM (SELECT DISTINCT b / 10 AS x FROM t1 UNION SELECT a / 7 FROM t2 ORDER BY 1);
