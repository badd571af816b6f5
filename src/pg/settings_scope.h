// Settings (GUCs), role and user, as the code of others found them.
#pragma once

#include "pg/border.h"

extern "C" {
#include "utils/guc.h"
}

namespace replicache::pg {

// What is SET while it lives, locally or for the session, is taken back by restore(): the role is a setting, too. After an error do not
// call that: the caller rolls back, which takes it back as well. Costs next to nothing where nothing was set.
class SettingsScope {
public:
    SettingsScope() : level_(NewGUCNestLevel()) { GetUserIdAndSecContext(&user_, &security_); }
    void restore() {
        guarded([this] { AtEOXact_GUC(false, level_); });
        SetUserIdAndSecContext(user_, security_);
    }

private:
    int level_;
    Oid user_;
    int security_;
};

}  // namespace replicache::pg
