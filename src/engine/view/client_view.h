// What a client has of the private tables of a space, and what it gets.
//
// The cookie of the client names the keys that it has: a record, and what came and went since. A pull marks the keys that the client may
// see now. What it has and may not see any more goes; what it may see and has not comes. The result is in the next cookie. A record is
// written only when the difference is too large for a cookie.
#pragma once

#include "engine/view/record.h"
#include "model/cookie.h"
#include "model/key_table.h"

namespace replicache::engine {

class ClientView {
public:
    enum Mark : KeyTable::Marks {
        recorded = 1,  // in the record that the cookie names
        held = 2,      // the client has it
        visible = 4,   // the client may see it now
        wanted = 8,    // and must get its value
        sent = 16,     // which is in the answer
    };

    // `cookie`: null if the client has no data that counts. Throws 25006 when its record is not known here and the transaction cannot
    // write.
    ClientView(const CookieView* cookie, const ViewOwner& owner);

    // Whether the client's state is known. Otherwise it gets everything, and holds nothing.
    bool is_known() const { return known_; }
    KeyTable& keys() { return keys_; }

    // The client gets everything from the beginning.
    void hold_nothing();
    // The client keeps what it has, and gets nothing.
    void keep_all() {
        keep([](std::string_view) { return true; });
    }
    // For the keys of a table that cannot be read now: the client keeps what it has.
    template <class IsOfTable>
    void keep(IsOfTable is_of_table) {
        for (KeyTable::Entry& entry : keys_.entries())
            if (is_of_table(keys_.key(entry))) entry.marks = (entry.marks & (recorded | held)) | ((entry.marks & held) != 0 ? visible : 0);
    }
    // The parts of a table are named by this and their text, and stand among the keys. No key begins with a NUL.
    static std::string part_prefix(Oid table) { return std::string(1, '\0') + std::to_string(table) + "/"; }
    struct Parts {
        std::vector<std::string> kept, added, gone;  // texts
    };
    Parts parts_of(Oid table) const;
    bool holds(std::string_view key) const;

    // A wanted row that was not sent is not visible: a volatile policy has hidden it meanwhile.
    void forget_unsent();
    // The keys of rows that the client has and may not see any more, sorted.
    std::vector<std::string_view> gone() const;

    // Whether the client is known, and has all keys and parts that it may see, and no others.
    bool is_same() const;
    // For the next cookie. Writes a record if necessary.
    CookieView next() const;
    // Notes that the record is in use. Returns false if others were in the way.
    bool note_use(const CookieView& view, const std::optional<std::string>& client_group) const;

private:
    bool read(const CookieView& cookie);
    std::string seal(const CookieView& view) const;
    // How the visible keys differ from the recorded ones; nullopt: by too much for a cookie.
    std::optional<CookieView> difference(const std::string& record, KeyTable::Marks base) const;

    const ViewOwner owner_;
    std::string record_;
    KeyTable keys_;
    bool known_ = false;
};

}  // namespace replicache::engine
