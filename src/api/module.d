src/api/module.o: src/api/module.cpp src/engine/change.h \
 src/engine/space.h src/pg/spi.h src/pg/datum.h src/pg/border.h \
 src/pg/error.h src/prelude.h src/engine/constraints.h src/engine/ddl.h \
 src/engine/mutator.h src/engine/tracked_table.h src/engine/key.h \
 src/pg/scalar_text.h src/pg/json_text.h src/pg/settings.h
src/engine/change.h:
src/engine/space.h:
src/pg/spi.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/engine/constraints.h:
src/engine/ddl.h:
src/engine/mutator.h:
src/engine/tracked_table.h:
src/engine/key.h:
src/pg/scalar_text.h:
src/pg/json_text.h:
src/pg/settings.h:
