// Settings (GUCs), role and user, as the code of others found them.
#pragma once

#include "pg/border.h"

extern "C" {
#include "utils/guc.h"
}

namespace replicache::pg {

// restore() takes back every setting that was SET while the object lived, locally or for the session. The role is a setting, too. Do not
// call it after an error: the caller rolls back, and that takes the settings back. It costs almost nothing if nothing was set.
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
