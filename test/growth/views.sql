-- Private views of a hundred users with three devices each. Their keys do not fit into cookies, so they are recorded.
CREATE TABLE share (member int, list int, PRIMARY KEY (member, list));
CREATE TABLE doc (id text PRIMARY KEY, list int NOT NULL);
CREATE INDEX ON doc (list);
INSERT INTO share SELECT member, member % 10 * 3 + n FROM generate_series(1, 100) member, generate_series(0, 2) n;
INSERT INTO doc SELECT format('%s-%s-', list, n) || repeat(md5(n::text), 2), list FROM generate_series(0, 32) list, generate_series(1, 30) n;
SELECT replicache.create_space(clock, clock) FROM unnest('{counter,transaction}'::text[]) clock;
SELECT replicache.track_table('doc', filter => 't.list IN (SELECT s.list FROM share s WHERE s.member = replicache.current_user_id()::int)');
CREATE TABLE device (id text PRIMARY KEY, client_group text NOT NULL, member int NOT NULL, cookie json) WITH (fillfactor = 20);
INSERT INTO device SELECT format('d%s-%s', member, n), format('g%s-%s', member, n), member FROM generate_series(1, 100) member, generate_series(1, 3) n;

CREATE FUNCTION view_pull(d device) RETURNS text LANGUAGE sql AS $$
    SELECT format('SELECT replicache.pull(%L, %L)', json_build_object('pullVersion', 1, 'clientGroupID', d.client_group, 'cookie', d.cookie), d.member)
$$;
CREATE FUNCTION pull_view(d device) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    EXECUTE view_pull(d) INTO answer;
    RETURN answer -> 'cookie';
END $$;
-- How many bytes of WAL a pull writes.
CREATE FUNCTION wal_of_pull(d device) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, WAL, FORMAT JSON) ' || view_pull(d) INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'WAL Bytes';
END $$;
CREATE FUNCTION view_sizes(OUT records bigint, OUT entries bigint, OUT bytes bigint, OUT groups bigint) LANGUAGE sql AS $$
    SELECT count(*), sum(r.entries), sum(octet_length(r.keys)), (SELECT count(*) FROM replicache.client_view) FROM replicache.view_record r
$$;
UPDATE device d SET cookie = pull_view(d);
VACUUM doc, share, replicache.view_record, replicache.client_view;
