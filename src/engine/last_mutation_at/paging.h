// Pages of a pull (replicache.paging).
//
// The first page decides where all pages end, and draws lines there. A later write moves rows behind the last line, and never across
// another line. So a client that reads all pages, and then pulls since the head of the first one, misses nothing.
//
// If another device asks for the same pages meanwhile, it uses the same lines. They are older than its first page, so it may get rows
// twice.
#pragma once

#include "engine/last_mutation_at/user_space.h"
#include "engine/rows/resource_reader.h"

namespace replicache::engine {

constexpr std::int64_t no_limit = std::numeric_limits<std::int32_t>::max();

struct SyncPull {
    std::int64_t since = no_head;                         // exclusive
    std::optional<std::vector<std::string>> resources{};  // nullopt: all
    std::int64_t page = 1;                                // from 1
    std::int64_t limit = 100;                             // mutations per page
};

struct Paging {
    std::int64_t head;                // of the space, when the latest first page was answered: there the last page ends
    std::vector<std::int64_t> lines;  // versions behind which the pages start; the first is where the first page starts

    bool has(std::int64_t page) const { return page <= static_cast<std::int64_t>(lines.size()); }
    VersionRange range(std::int64_t page) const;
    // Draws lines behind the last one: one per `limit` rows, or fewer if that would be too many. `versions`: of the rows there, sorted.
    void draw(const std::vector<std::int64_t>& versions, std::int64_t limit);
};

// The paging for the first page of a pull: an unfinished one, or a new one with one line. Its row is locked until the end of the
// transaction. Nullopt: the transaction is read only, so nothing can be kept. Removes pagings of the user that are over, and the oldest if
// there are too many.
std::optional<Paging> begin_paging(const SyncPull& pull, const std::string& user, VersionRange everything);
void store_paging(const SyncPull& pull, const std::string& user, const Paging& paging);
// The paging for a later page. Nullopt: the first page was not asked for, or its paging is removed.
std::optional<Paging> find_paging(const SyncPull& pull, const std::string& user);

// Up to which version a client that goes on from `since` may have seen rows: pages can show rows that came into being after the head of the
// first page. no_head: no such pages.
std::int64_t read_ahead(const std::string& user, std::int64_t since);
// Notes that an answer without a paging shows rows up to `head` to clients that go on from `since` or later.
void note_read_ahead(const std::string& user, std::int64_t since, std::int64_t head);

// Removes pagings that were begun before the cutoff and are over.
void collect_pagings(pg::Value cutoff);

}  // namespace replicache::engine
