-- The backend of the shared lists: three tables, who may see and change what, seven mutators, and the role that the server connects as.
CREATE EXTENSION replicache_ext;

-- Everybody is in one space. With this clock they do not wait for each other when they write.
SELECT replicache.create_space('', clock => 'transaction');

-- Each role may do what the one before it may do, and more.
CREATE TYPE list_role AS ENUM ('viewer', 'editor', 'owner');

CREATE TABLE list (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (btrim(name) <> '' AND length(name) <= 100),
    owner text NOT NULL DEFAULT replicache.current_user_id(),
    UNIQUE (id, owner)
);

-- Who has which role in a list. Its owner has a row, too. The foreign key makes sure that the column owner is right.
CREATE TABLE share (
    list_id uuid,
    user_id text CHECK (user_id ~ '^[\w-]{1,40}$'),
    role list_role NOT NULL,
    owner text NOT NULL DEFAULT replicache.current_user_id(),
    PRIMARY KEY (list_id, user_id),
    FOREIGN KEY (list_id, owner) REFERENCES list (id, owner) ON DELETE CASCADE,
    CONSTRAINT one_owner CHECK ((role = 'owner') = (user_id = owner))
);

CREATE TABLE todo (
    id uuid PRIMARY KEY,
    list_id uuid NOT NULL REFERENCES list ON DELETE CASCADE,
    text text NOT NULL CHECK (btrim(text) <> '' AND length(text) <= 500),
    done boolean NOT NULL DEFAULT false,
    ord bigint NOT NULL -- milliseconds since 1970
);

-- Everyone gets what they may see, also when their permissions change. A change of permissions is a change of share, so it pokes.
SELECT replicache.track_table('list', private => true);
SELECT replicache.track_table('share', private => true);
SELECT replicache.track_table('todo', private => true);

-- Everyone gets their rejected changes. The extension has the policy for that.
SELECT replicache.track_table('replicache.mutation_error', key => 'error/{client_id}/{error_id}', space => 'space',
    value => $$json_build_object('id', t.error_id, 'name', t.name, 'args', t.args, 'message', t.message)$$);

-- With these a pull reads only the rows that its user may see, and most of them in the index only.
CREATE INDEX ON share (user_id) INCLUDE (list_id, role, owner);
CREATE INDEX ON share (owner);
CREATE INDEX ON todo (list_id) INCLUDE (id, version);

-- The lists in which the user has this role, or a higher one. The policies ask this once per query, as = ANY (ARRAY(…)):
-- PostgreSQL then finds the rows by an index. With IN (…) it would look at every row of the table.
CREATE FUNCTION lists_as(minimum list_role) RETURNS SETOF uuid STABLE
BEGIN ATOMIC
    SELECT list_id FROM share WHERE user_id = replicache.current_user_id() AND role >= minimum;
END;

-- The policies of share must not ask share, or they would ask themselves for ever (42P17).
ALTER TABLE share ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON share FOR SELECT USING (user_id = replicache.current_user_id());
CREATE POLICY given ON share USING (owner = replicache.current_user_id());

ALTER TABLE list ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON list USING (id = ANY (ARRAY(SELECT * FROM lists_as('viewer'))))
    WITH CHECK (owner = replicache.current_user_id());
CREATE POLICY remove ON list AS RESTRICTIVE FOR DELETE USING (owner = replicache.current_user_id());

ALTER TABLE todo ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON todo USING (list_id = ANY (ARRAY(SELECT * FROM lists_as('viewer'))))
    WITH CHECK (list_id = ANY (ARRAY(SELECT * FROM lists_as('editor'))));
CREATE POLICY remove ON todo AS RESTRICTIVE FOR DELETE USING (list_id = ANY (ARRAY(SELECT * FROM lists_as('editor'))));

-- The policies alone would keep the lists safe. But UPDATE and DELETE skip hidden rows in silence, and the errors of policies name tables.
-- So the mutators ask first. The answer is the same for a list that is hidden and for one that is gone.
CREATE FUNCTION need(list_id uuid, minimum list_role) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    has list_role := (SELECT s.role FROM share AS s WHERE s.list_id = need.list_id AND s.user_id = replicache.current_user_id());
BEGIN
    IF has IS NULL THEN
        RAISE 'the list is gone, or it is not shared with you any more' USING ERRCODE = 'insufficient_privilege';
    ELSIF has < minimum THEN
        RAISE 'this needs the role “%”, yours is “%”', minimum, has USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

CREATE FUNCTION create_list(id uuid, name text) RETURNS void
BEGIN ATOMIC
    INSERT INTO list (id, name) VALUES (create_list.id, create_list.name);
    INSERT INTO share (list_id, user_id, role) VALUES (create_list.id, replicache.current_user_id(), 'owner');
END;

CREATE FUNCTION delete_list(id uuid) RETURNS void
BEGIN ATOMIC
    SELECT need(delete_list.id, 'owner');
    DELETE FROM list AS l WHERE l.id = delete_list.id;
END;

CREATE FUNCTION share_list(list_id uuid, user_id text, role list_role) RETURNS void
BEGIN ATOMIC
    SELECT need(share_list.list_id, 'owner');
    INSERT INTO share (list_id, user_id, role) VALUES (share_list.list_id, share_list.user_id, share_list.role)
        ON CONFLICT (list_id, user_id) DO UPDATE SET role = excluded.role;
END;

CREATE FUNCTION unshare_list(list_id uuid, user_id text) RETURNS void
BEGIN ATOMIC
    SELECT need(unshare_list.list_id, 'owner');
    DELETE FROM share AS s WHERE s.list_id = unshare_list.list_id AND s.user_id = unshare_list.user_id AND s.role <> 'owner';
END;

CREATE FUNCTION create_todo(id uuid, list_id uuid, text text, ord bigint) RETURNS void
BEGIN ATOMIC
    SELECT need(create_todo.list_id, 'editor');
    INSERT INTO todo (id, list_id, text, ord) VALUES (create_todo.id, create_todo.list_id, create_todo.text, create_todo.ord);
END;

-- The list is an argument, so that a to-do that another has deleted is no error.
CREATE FUNCTION tick_todo(id uuid, list_id uuid, done boolean) RETURNS void
BEGIN ATOMIC
    SELECT need(tick_todo.list_id, 'editor');
    UPDATE todo AS t SET done = tick_todo.done WHERE t.id = tick_todo.id AND t.list_id = tick_todo.list_id;
END;

CREATE FUNCTION delete_todo(id uuid, list_id uuid) RETURNS void
BEGIN ATOMIC
    SELECT need(delete_todo.list_id, 'editor');
    DELETE FROM todo AS t WHERE t.id = delete_todo.id AND t.list_id = delete_todo.list_id;
END;

SELECT replicache.register_mutator('createList', 'create_list(uuid, text)');
SELECT replicache.register_mutator('deleteList', 'delete_list(uuid)');
SELECT replicache.register_mutator('shareList', 'share_list(uuid, text, list_role)');
SELECT replicache.register_mutator('unshareList', 'unshare_list(uuid, text)');
SELECT replicache.register_mutator('createTodo', 'create_todo(uuid, uuid, text, bigint)');
SELECT replicache.register_mutator('tickTodo', 'tick_todo(uuid, uuid, boolean)');
SELECT replicache.register_mutator('deleteTodo', 'delete_todo(uuid, uuid)');

-- Not the owner of the tables, and no superuser: row-level security does not bind these.
DO $$
BEGIN
    CREATE ROLE todo_web LOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON list, share, todo TO todo_web;
GRANT SELECT ON replicache.mutation_error TO todo_web;
SELECT replicache.grant_usage('todo_web');
