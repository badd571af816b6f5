#include "protocol/halt.h"

namespace replicache::protocol {

void write_halt(Writer& writer, const Batch& batch, const Halt& halt) {
    const Mutation& mutation = batch.mutations.at(halt.mutation);
    writer.begin('{');
    writer.member("clientID", batch.client_of(mutation));
    writer.member("id", mutation.id);
    if (halt.reason == Halt::Reason::out_of_order) {
        writer.member("reason", "outOfOrder");
        writer.member("expected", halt.expected);
    } else {
        writer.member("reason", "temporary");
        writer.member("name", mutation.name);
        writer.member("code", halt.failure.sqlstate);
        writer.member("message", halt.failure.message);
        writer.member_or_null("detail", halt.failure.detail);
        writer.member_or_null("hint", halt.failure.hint);
        writer.json("defect", halt.failure.defect ? "true" : "false");
    }
    writer.end('}');
}

}  // namespace replicache::protocol
