-- Every function of the extension, by everybody, with two search_paths.
CREATE TABLE identity.call (
    function text NOT NULL,
    own_account boolean NOT NULL,
    before text[] NOT NULL DEFAULT '{}',  -- steps
    command text NOT NULL,
    owner text NOT NULL DEFAULT '00000',  -- SQLSTATEs
    super text NOT NULL DEFAULT '00000',
    app text NOT NULL DEFAULT '42501',
    name text NOT NULL DEFAULT ''
);
CREATE FUNCTION identity.push(VARIADIC mutations text[]) RETURNS json LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'mutations', json_agg(json_build_object('clientID', 'c', 'id', n, 'name', split_part(m, ' ', 1), 'args', substr(m, strpos(m, ' '))::json) ORDER BY n))
    FROM unnest(mutations) WITH ORDINALITY u (m, n) $$;
-- A push of Zero.
CREATE FUNCTION identity.zero(VARIADIC mutations text[]) RETURNS json LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT json_build_object('pushVersion', 1, 'clientGroupID', 'g', 'timestamp', 1, 'requestID', 'r', 'mutations', json_agg(json_build_object('type', 'custom', 'clientID', 'c', 'id', n, 'name', split_part(m, ' ', 1),
        'args', json_build_array(substr(m, strpos(m, ' '))::json), 'timestamp', 1) ORDER BY n))
    FROM unnest(mutations) WITH ORDINALITY u (m, n) $$;
CREATE FUNCTION identity.last_error() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$SELECT max(error_id) FROM replicache.mutation_error$$;
CREATE FUNCTION identity.done(answer json) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN IF (answer ->> 'applied')::int = 0 THEN RAISE '%', answer; END IF; END$$;
CREATE FUNCTION identity.answered(answer json) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$BEGIN IF answer ->> 'kind' !~ 'Response$' OR (answer -> 'queries')::text ~ '"error"' THEN RAISE '%', answer; END IF; END$$;

INSERT INTO identity.call (function, own_account, before, command, name)
SELECT f, true, CASE f WHEN 'expose_crud' THEN ARRAY['super: DELETE FROM replicache.exposed_table'] ELSE '{}' END || CASE WHEN f = 'hide_crud' THEN ARRAY[format('super: SELECT replicache.expose_crud(%L, name => %L)', t, t)] ELSE '{}' END,
    format('SELECT replicache.%s(%L)', f, t), t
FROM unnest('{untrack_table,retrack,resync,expose_crud,hide_crud}'::text[]) f,
    unnest('{trap.wide,trap.keyed,trap.timed,trap.composed,trap.ranged,trap.parted,trap.parent,trap.ruled,trap.bare}'::text[]) t
WHERE t <> 'trap.bare' OR f !~ 'crud';
-- Types that an owner puts below a table that is tracked already: the key, and the space.
INSERT INTO identity.call (function, own_account, before, command, name)
SELECT f, true, ARRAY['owner: DROP TRIGGER "~replicache_moved" ON trap.keyed', format('owner: ALTER TABLE trap.keyed ALTER %s TYPE trap.%s USING %s', c, t, CASE t WHEN 'mood' THEN 'CASE WHEN id OPERATOR(pg_catalog.=) ''a'' THEN ''calm''::trap.mood ELSE ''cross''::trap.mood END' ELSE 'ROW(pg_catalog.length(id), NULL)::trap.pair' END)],
    format('SELECT replicache.%s(''trap.keyed'')', f), format('%s of type %s', c, t)
FROM unnest('{untrack_table,resync}'::text[]) f, (VALUES ('space', 'mood'), ('id', 'mood'), ('space', 'pair')) v (c, t);
INSERT INTO identity.call (function, own_account, before, command, name)
SELECT 'untrack_table', true, ARRAY['super: ALTER TABLE trap.part1 OWNER TO identity_owner', 'owner: DROP TRIGGER "~replicache_moved" ON trap.parted', 'owner: ALTER TABLE trap.parted ALTER space TYPE trap.mood USING ''calm''::trap.mood'], 'SELECT replicache.untrack_table(''trap.parted'')', 'partitions with a space of type mood';
INSERT INTO identity.call (function, own_account, before, command, owner, super, app) VALUES
    ('track_table', true, '{}', $$SELECT replicache.track_table('trap.wide', value => 'pg_catalog.jsonb_build_object(''a'', trap.same(''constant of a value expression'', 1), ''b'', ''calm''::trap.mood, ''c'', ''x''::trap.word)')$$, '00000', '00000', '42501'),
    ('track_table', true, '{}', $$SELECT replicache.track_table('trap.timed', space => 'space')$$, '00000', '00000', '42501'),
    ('track_table', true, '{"owner: ALTER TABLE trap.parent ADD n trap.number DEFAULT 1"}', $$SELECT replicache.track_table('trap.parent', version => 'n')$$, '42804', '42804', '42501'),
    ('track_table', true, '{"owner: DROP TRIGGER \"~replicache_moved\" ON trap.keyed","owner: ALTER TABLE trap.keyed ALTER space TYPE trap.mood USING ''calm''::trap.mood"}', $$SELECT replicache.track_table('trap.keyed', space => 'space')$$, '42804', '42804', '42501'),
    ('track_table', true, '{}', $$SELECT replicache.track_table('trap.loose', 'parted/x/{id}/{mood}', space => 'space')$$, '00000', '00000', '42501'),
    ('expose_crud', true, '{}', $$SELECT replicache.expose_crud('trap.wide', columns => '{"a":"word","b":"mood","id":"id"}', conflict => 'newest', conflict_column => 'word')$$, '00000', '00000', '42501'),
    ('register_mutator', true, '{}', $$SELECT replicache.register_mutator('again', 'trap.named(integer,trap.word,trap.mood,trap.pair)')$$, '00000', '00000', '42501'),
    ('unregister_mutator', true, '{}', $$SELECT replicache.unregister_mutator('whole')$$, '00000', '00000', '42501'),
    ('register_mutator_queue', true, '{}', $$SELECT replicache.register_mutator_queue('q')$$, '00000', '00000', '42501'),
    ('unregister_mutator_queue', true, '{}', $$SELECT replicache.unregister_mutator_queue()$$, '00000', '00000', '42501'),
    ('register_query', true, '{}', $$SELECT replicache.register_query('again', function => 'trap.asked(integer,trap.word,trap.mood,trap.pair)'), replicache.register_query('ast', '{"table":"x"}')$$, '00000', '00000', '42501'),
    ('unregister_query', true, '{}', $$SELECT replicache.unregister_query('asked')$$, '00000', '00000', '42501'),
    ('resync', true, '{}', $$SELECT replicache.resync('trap.timed', 'timed')$$, '00000', '00000', '42501'),
    ('create_space', true, '{}', $$SELECT replicache.create_space('new', 'transaction')$$, '00000', '00000', '42501'),
    ('hold_space', true, '{}', $$SELECT replicache.hold_space('timed')$$, '00000', '00000', '42501'),
    ('release_space', true, '{}', $$SELECT replicache.hold_space('timed'), replicache.release_space('timed')$$, '00000', '00000', '42501'),
    ('space_tables', true, '{}', $$SELECT replicache.space_tables('timed'), replicache.space_tables('')$$, '00000', '00000', '42501'),
    ('export_space', true, '{}', $$SELECT replicache.hold_space('timed'), replicache.export_space('timed')$$, '25001', '25001', '42501'), -- its SQL is that of space_tables
    ('import_space', false, '{}', $$SELECT replicache.import_space('{"format":1,"move":"m","space":"new","clock":"counter","version":1,"floor":0,"collected":0}')$$, '00000', '00000', '42501'),
    ('close_space', true, '{}', $$SELECT replicache.create_space('moving'), replicache.close_space('moving', replicache.hold_space('moving'))$$, '00000', '00000', '42501'),
    ('new_epoch', true, '{}', $$SELECT replicache.new_epoch()$$, '00000', '00000', '42501'),
    ('collect_garbage', true, '{"owner: DELETE FROM trap.timed","owner: SELECT replicache.apply_push(identity.push(''fails {}''))"}', $$SELECT replicache.collect_garbage('0')$$, '00000', '00000', '42501'),
    ('collect_garbage', true, '{"owner: DELETE FROM trap.timed","owner: SELECT replicache.apply_push(identity.push(''fails {}''))"}', $$SELECT replicache.collect_garbage('0', dry_run => true)$$, '00000', '00000', '42501'),
    ('status', true, '{}', $$SELECT replicache.status()$$, '00000', '00000', '42501'),
    ('check', true, '{}', $$SELECT replicache.check(), replicache.check('identity_app')$$, '00000', '00000', '42501'),
    ('grant_usage', true, '{}', $$SELECT replicache.grant_usage('identity_stranger')$$, '00000', '00000', '42501'),
    ('grant_setup', true, '{}', $$SELECT replicache.grant_setup('identity_stranger')$$, '42501', '00000', '42501'),  -- the owner has the rights without GRANT OPTION
    ('on_change', true, '{}', $$SELECT replicache.on_change()$$, '39P01', '39P01', '39P01'),
    ('on_registry_change', true, '{}', $$SELECT replicache.on_registry_change()$$, '39P01', '39P01', '42501'),
    ('on_restore', true, '{}', $$SELECT replicache.on_restore()$$, '39P01', '39P01', '42501'),
    ('on_drop', true, '{}', $$SELECT replicache.on_drop()$$, '39P03', '39P03', '42501'),
    ('on_alter', true, '{}', $$SELECT replicache.on_alter()$$, '39P03', '39P03', '42501'),
    ('pull', false, '{}', $$SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g","cookie":null}')$$, '00000', '00000', '00000'),
    ('pull', false, '{}', $$SELECT replicache.pull('{"pullVersion":1,"clientGroupID":"g2","cookie":null}', NULL, 'timed')$$, '00000', '00000', '00000'),
    ('pull_for', false, '{}', $$SELECT replicache.pull_for('{g,g2}', NULL)$$, '0A000', '00000', '0A000'),
    ('pull_for', false, '{}', $$SELECT replicache.pull_for('{x,y}', NULL, '', 'ann'), replicache.pull_for('{x}', '0', 'timed', 'ann', '1')$$, '00000', '00000', '00000'),
    ('pull_since', false, '{}', $$SELECT replicache.pull_since(NULL), replicache.pull_since(1), replicache.pull_since(NULL, space => 'timed')$$, '00000', '00000', '00000'),
    ('apply_push', false, '{}', $$SELECT identity.done(replicache.apply_push(identity.push('whole {}', 'named {"b":"x","c":"calm","d":{"a":1,"b":"calm"}}', 'definer {}', 'fails {}', 'none {}')))$$, '00000', '00000', '00000'),
    ('apply_push', false, '{}', $$SELECT identity.done(replicache.apply_push(identity.push('wide.insert {"id":30,"word":"w","mood":"calm","pair":{"a":1,"b":"calm"},"span":"[1,2)"}', 'wide.update {"id":30,"mood":"cross"}', 'wide.delete {"id":30}',
        'ruled.insert {"id":1,"n":1}', 'ruled.update {"id":1,"n":2}', 'wide.insert {"id":31}', 'wide.insert {"id":32}', 'wide.insert {"id":33}')))$$, '00000', '00000', '00000'),
    ('apply_push', false, '{}', $$SELECT trap.wrapper(identity.push('whole {}', 'wide.insert {"id":30}'))$$, '00000', '00000', '00000'),
    ('zero_queries', false, '{}', $$SELECT replicache.zero_queries('["transform",[{"id":"1","name":"asked","args":[{"b":"x","c":"calm","d":{"a":1,"b":"calm"}}]},{"id":"2","name":"domained","args":[]},{"id":"3","name":"ast","args":[{"a":1}]},{"id":"4","name":"none","args":[]}]]', 'ann')$$, '00000', '00000', '00000'),
    ('powersync_upload', false, '{}', $$SELECT replicache.powersync_upload('{"crud":[{"op":"PUT","type":"wide","id":"40","data":{"word":"w","mood":"calm"}},{"op":"PATCH","type":"wide","id":"40","data":{"mood":"cross"}},
        {"op":"DELETE","type":"wide","id":"40"},{"op":"PUT","type":"mutator_calls","id":"1","data":{"name":"named","args":"{}"}}]}')$$, '00000', '00000', '00000'),
    ('zero_push', false, '{}', $$SELECT identity.answered(replicache.zero_push(identity.zero('whole {}', 'named {"b":"x","c":"calm","d":{"a":1,"b":"calm"}}', 'definer {}', 'fails {}', 'none {}', 'wide.insert {"id":30,"mood":"calm"}',
        '_zero_cleanupResults {"clientGroupID":"g","clientID":"c","upToMutationID":0}', '_zero_cleanupResults {"type":"bulk","clientGroupID":"g","clientIDs":["d"]}'), 'trap', 'zero', 'ann'))$$, '00000', '00000', '00000'),
    -- Types of the owner where zero-cache has bigint and json. The first mutation counts as processed, because the cast says 1.
    ('zero_push', false, '{"owner: ALTER TABLE trap.clients ALTER \"lastMutationID\" TYPE trap.mood USING ''calm''::trap.mood","owner: ALTER TABLE trap.mutations ALTER result TYPE trap.mood USING ''calm''::trap.mood","owner: INSERT INTO trap.clients VALUES (''g'', ''c'', ''calm'')"}',
        $$SELECT identity.answered(replicache.zero_push(identity.zero('whole {}', 'fails {}', 'none {}'), 'trap', 'zero'))$$, '00000', '00000', '00000'),
    ('zero_push', false, '{}', $$SELECT replicache.zero_push('{}', 'trap', 'zero')$$, '00000', '00000', '00000'),
    ('why_one_by_one', false, '{}', $$SELECT replicache.why_one_by_one('trap.wide'), replicache.why_one_by_one('trap.ruled')$$, '00000', '00000', '00000'),
    ('describe', false, '{}', $$SELECT replicache.describe()$$, '00000', '00000', '00000'),
    ('registered', false, '{}', $$SELECT replicache.registered()$$, '00000', '00000', '00000'),
    ('sync_push', false, '{}', $$SELECT replicache.sync_push('{"mutations":[{"type":"CREATE","resource":"TIMED","data":{"id":"cross","body":"y"}}]}', (SELECT mutation_at FROM replicache.sync_pull(-1, 'timed', metadata_only => true)), 'timed')$$, '00000', '00000', '00000'),
    ('sync_push', false, '{}', $$SELECT replicache.sync_push('{"mutations":[{"type":"DELETE","resource":"TIMED","resourceId":"calm"}]}', (SELECT mutation_at FROM replicache.sync_pull(-1, 'timed', metadata_only => true)), 'timed')$$, '00000', '00000', '00000'),
    ('sync_pull', false, '{"owner: DELETE FROM trap.timed"}', $$SELECT replicache.sync_pull(-1, 'timed'), replicache.sync_pull(0, 'timed')$$, '00000', '00000', '00000'),
    ('replay', false, '{"owner: SELECT replicache.apply_push(identity.push(''named {\"b\":1,\"no\":2}''))"}', $$SELECT replicache.replay(identity.last_error())$$, '22023', '22023', '42501'),
    ('replay', false, '{"owner: SELECT replicache.powersync_upload(''{\"crud\":[{\"op\":\"PUT\",\"type\":\"wide\",\"id\":\"41\",\"data\":{\"no\":1}}]}'')"}', $$SELECT replicache.replay(identity.last_error())$$, '42703', '42703', '42501'),
    ('current_user_id', false, '{}', $$SELECT replicache.current_user_id()$$, '00000', '00000', '00000'),
    ('current_space', false, '{}', $$SELECT replicache.current_space()$$, '00000', '00000', '00000'),
    ('current_client_group_id', false, '{}', $$SELECT replicache.current_client_group_id()$$, '00000', '00000', '00000'),
    ('current_client_id', false, '{}', $$SELECT replicache.current_client_id()$$, '00000', '00000', '00000'),
    ('current_mutation_id', false, '{}', $$SELECT replicache.current_mutation_id()$$, '00000', '00000', '00000'),
    ('current_version', false, '{}', $$SELECT replicache.current_version()$$, '00000', '00000', '00000'),
    ('current_schema_version', false, '{}', $$SELECT replicache.current_schema_version()$$, '00000', '00000', '00000');

UPDATE identity.call SET owner = '42501' WHERE name = 'trap.parted' AND function IN ('retrack', 'expose_crud');  -- a partition is somebody else's
UPDATE identity.call SET before = '{"super: SELECT replicache.expose_crud(''trap.parted'')"}' WHERE name = 'trap.parted' AND function = 'hide_crud';

SELECT identity.try(c.function || ' ' || c.name, own_account, path, expected, VARIADIC before || (who || ': ' || command))
FROM identity.call c, LATERAL (VALUES ('owner', owner), ('super', super), ('app', app), ('stranger', CASE function WHEN 'on_change' THEN '39P01' ELSE '42501' END)) w (who, expected),
    unnest('{pg_catalog,"shadow, pg_temp, pg_catalog, trap"}'::text[]) path \g /dev/null

-- Traps that call the extension from within it, but not in the steps before: what the owner would leave to deferred triggers there, PostgreSQL 18 runs as
-- the owner later.
SELECT identity.try('again: ' || again || ' within ' || c.function || ' ' || c.name, own_account, 'pg_catalog', '*', VARIADIC before || ('super: SET LOCAL identity.again = ' || quote_literal(again)) || (who || ': ' || command))
FROM identity.call c, unnest('{owner,super,app}'::text[]) who,
    unnest(ARRAY[$$SELECT replicache.untrack_table('trap.timed')$$, $$SELECT replicache.retrack('trap.wide')$$, $$DROP TABLE trap.timed, trap.wide CASCADE$$, $$TRUNCATE trap.wide$$, $$DELETE FROM trap.timed$$,
        $$SELECT replicache.apply_push('{"pushVersion":1,"clientGroupID":"h","mutations":[{"clientID":"d","id":1,"name":"whole","args":{}}]}')$$, $$SELECT replicache.pull_since(NULL)$$,
        $$SELECT replicache.zero_push(identity.zero('whole {}', 'fails {}'), 'trap', 'zero')$$, $$SELECT replicache.zero_queries('["transform",[{"id":"1","name":"asked","args":[]}]]')$$,
        $$SELECT replicache.collect_garbage('0')$$, $$SET CONSTRAINTS ALL IMMEDIATE$$, $$INSERT INTO trap.wide (id) VALUES (99)$$]) again
WHERE c.function IN ('untrack_table', 'apply_push', 'zero_push', 'zero_queries', 'pull', 'track_table', 'sync_push') AND c.name ~ '^(trap.(timed|composed|wide)|)$' \g /dev/null
