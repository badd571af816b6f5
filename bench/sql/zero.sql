-- After hand.sql: what zero-cache creates in the database for its PushProcessor, for the first shard of the app "zero".
CREATE SCHEMA zero_0;
CREATE TABLE zero_0.clients (
    "clientGroupID" text NOT NULL,
    "clientID" text NOT NULL,
    "lastMutationID" bigint NOT NULL,
    "userID" text,
    PRIMARY KEY ("clientGroupID", "clientID")
);
CREATE TABLE zero_0.mutations (
    "clientGroupID" text NOT NULL,
    "clientID" text NOT NULL,
    "mutationID" bigint NOT NULL,
    result json NOT NULL,
    PRIMARY KEY ("clientGroupID", "clientID", "mutationID")
);
