// Pages of a pull (replicache.paging). Where they end is drawn once, by the first page, for all of them: whatever is written afterwards
// moves rows behind the last line, and no row across one. So who follows the pages to the end, and then pulls since the first one's head,
// misses nothing.
//
// Another device that pulls the same meanwhile goes by the same lines, though they are older than its first page: it may get rows twice.
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
    // Draws lines behind the last one, through the versions of the rows there, sorted: one per `limit` rows, or fewer when there would be
    // too many.
    void draw(const std::vector<std::int64_t>& versions, std::int64_t limit);
};

// The paging that a first page of such a pull belongs to: an unfinished one, or a new one without further lines. Locked until the end of
// the transaction. nullopt: this is read only, and nothing can be kept. Forgets those of the user that are over, and the oldest of too
// many.
std::optional<Paging> begin_paging(const SyncPull& pull, const std::string& user, VersionRange everything);
void store_paging(const SyncPull& pull, const std::string& user, const Paging& paging);
// That of a later page; nullopt: nobody has asked for the first one, or it is forgotten.
std::optional<Paging> find_paging(const SyncPull& pull, const std::string& user);

// How far pages have been read of pulls whose first page was answered at a head up to `since`: rows that came into being after `since` and
// up to there can have been seen. no_head: none.
std::int64_t read_ahead(const std::string& user, std::int64_t since);
// The same of an answer without a paging that tells of rows up to `head`, to those who go on from `since` or later.
void note_read_ahead(const std::string& user, std::int64_t since, std::int64_t head);

// Forgets the pagings that were begun before, and are over.
void collect_pagings(pg::Value cutoff);

}  // namespace replicache::engine
