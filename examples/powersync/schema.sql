-- The backend of the lists: two tables that clients may write, who may see what, and the role that the server connects as.
CREATE EXTENSION replicache_ext;

CREATE TABLE lists (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    owner_id text NOT NULL DEFAULT replicache.current_user_id(),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE todos (
    id uuid PRIMARY KEY,
    list_id uuid NOT NULL REFERENCES lists ON DELETE CASCADE,
    description text NOT NULL,
    completed boolean NOT NULL DEFAULT false,
    priority int CHECK (priority BETWEEN 1 AND 9),
    tags text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX ON todos (list_id);

SELECT replicache.expose_crud('lists');
SELECT replicache.expose_crud('todos');

-- Everyone has lists of their own, and the todos on them. The second policy asks for the list under the first one.
ALTER TABLE lists ENABLE ROW LEVEL SECURITY;
ALTER TABLE todos ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lists USING (owner_id = replicache.current_user_id());
CREATE POLICY own ON todos USING (EXISTS (SELECT FROM lists WHERE lists.id = todos.list_id));

DO $$
BEGIN
    CREATE ROLE todo_app LOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON lists, todos TO todo_app;
SELECT replicache.grant_usage('todo_app');
