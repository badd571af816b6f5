#include "engine/rows/pending_groups.h"

namespace replicache::engine {
namespace {

constexpr std::size_t few_buckets = 64;  // of a hash table. To clear one takes as long as it has buckets

}  // namespace

PendingGroups::Group* PendingGroups::find(const ChangeForm& form) {
    for (Group& group : groups())
        if (group.statements->form() == form) return &group;
    return nullptr;
}

// The key of a new row may come from a default.
bool PendingGroups::is_keyed(const ChangeForm& form) const {
    return shape_.set_wise.by_key &&
           (form.kind() != RowChange::Kind::insert ||
            std::all_of(
                shape_.key.begin(), shape_.key.end(), [&form](const TableShape::Key& key) { return form.has_value(key.column); }));
}

bool PendingGroups::has_room_for(const ParsedChange& change) const {
    return count_ < pg::WaitingRows::max_rows && bytes_ + change.bytes < pg::WaitingRows::max_bytes;
}

PendingGroups::Group& PendingGroups::add_group(RowStatements& statements) {
    if (used_ == groups_.size()) groups_.push_back({&statements, PendingRows(shape_)});
    Group& group = groups_[used_++];
    group.statements = &statements;
    return group;
}

void PendingGroups::add(const ParsedChange& change, Group& group) {
    if (is_keyed(change.form)) keys_.insert(key_of(change));
    group.rows.add(change, group.statements->row());
    ++count_;
    bytes_ += change.bytes;
}

void PendingGroups::clear() {
    for (Group& group : groups()) group.rows.clear();
    used_ = count_ = bytes_ = 0;
    if (keys_.bucket_count() > few_buckets)
        keys_ = decltype(keys_)();
    else
        keys_.clear();
}

// A hash of the bytes of the primary key. Rows that have the same one by chance pass for one row.
std::uint64_t PendingGroups::key_of(const ParsedChange& change) const {
    std::uint64_t key = 0;
    for (const TableShape::Key& part : shape_.key)
        key = pg::hash_of_bytes(change.fields[part.column].value, part.by_value, part.length, key);
    return key;
}

}  // namespace replicache::engine
