// Notes of pokes: which spaces have changed, for which channel, packed one after another.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace replicache::engine {

struct Note {
    std::uint8_t channel;    // an index
    bool everyone;           // the poke is {"space":null}
    std::string_view space;  // at most max_space_bytes
    std::int64_t version;
};

// What stands before the bytes of the space.
struct NoteHead {
    std::int64_t version;
    std::uint16_t length;
    std::uint8_t channel;
    bool everyone;
};
constexpr std::size_t note_head_size = sizeof(NoteHead);

constexpr std::size_t size_of(const Note& note) { return note_head_size + note.space.size(); }

// Writes the note. Returns where the next one goes.
inline char* write_note(char* to, const Note& note) {
    const NoteHead head{note.version, static_cast<std::uint16_t>(note.space.size()), note.channel, note.everyone};
    std::memcpy(to, &head, note_head_size);
    note.space.copy(to + note_head_size, note.space.size());
    return to + size_of(note);
}

inline Note read_note(const char* from) {
    NoteHead head;
    std::memcpy(&head, from, note_head_size);
    return {head.channel, head.everyone, {from + note_head_size, head.length}, head.version};
}

// Calls f with each note.
template <class F>
void for_each_note(std::string_view notes, F f) {
    for (std::size_t at = 0; at < notes.size();) {
        const Note note = read_note(notes.data() + at);
        f(note);
        at += size_of(note);
    }
}

}  // namespace replicache::engine
