\set VERBOSITY terse
-- upgrade with grants; dump
