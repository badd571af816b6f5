\echo Use "ALTER EXTENSION replicache_ext UPDATE TO '0.5.0'" to load this file. \quit
