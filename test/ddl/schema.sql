-- What the rounds have in common.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA aside;
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN small AS int CHECK (VALUE > 0);
CREATE DOMAIN word AS text;
CREATE FUNCTION seventh() RETURNS smallint VOLATILE LANGUAGE sql AS 'SELECT 101::smallint';
