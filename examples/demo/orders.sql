-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 the Carrel authors
--
-- The demo: import, index, query. Run in the directory that holds orders.csv and products.csv.
.bail on
CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT, category TEXT, price REAL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, day TEXT, customer TEXT, country TEXT, product INTEGER, quantity INTEGER,
	amount REAL, note TEXT);
.import --csv --skip 1 products.csv products
.import --csv --skip 1 orders.csv orders
CREATE INDEX orders_by_product ON orders(product);
CREATE INDEX orders_by_day ON orders(day);
CREATE INDEX orders_by_customer ON orders(customer, day);
ANALYZE;
.mode box
.print What sells, by category
SELECT category, count(*) AS orders, sum(quantity) AS pieces, printf('%.2f', sum(amount)) AS turnover
	FROM orders JOIN products ON products.id = product GROUP BY category ORDER BY sum(amount) DESC;
.print Best month of each year
SELECT year, month, printf('%.2f', turnover) AS turnover FROM (SELECT substr(day, 1, 4) AS year, substr(day, 6, 2) AS month,
	sum(amount) AS turnover, rank() OVER (PARTITION BY substr(day, 1, 4) ORDER BY sum(amount) DESC) AS place
	FROM orders GROUP BY 1, 2) WHERE place = 1 ORDER BY year;
.print Customers who came most often, and how long they stayed away at most
WITH visits AS (SELECT customer, day, julianday(day) - julianday(lag(day) OVER (PARTITION BY customer ORDER BY day)) AS gap
	FROM orders)
SELECT customer, count(*) AS orders, CAST(max(gap) AS INTEGER) AS longest_gap_days FROM visits
	GROUP BY customer ORDER BY orders DESC, customer LIMIT 5;
.print Rows
SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM products) AS products,
	(SELECT count(*) FROM orders WHERE note LIKE '%wrapped%') AS gifts;
PRAGMA integrity_check;
