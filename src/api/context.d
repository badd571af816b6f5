src/api/context.o: src/api/context.cpp src/engine/context.h \
 src/pg/border.h src/pg/error.h src/prelude.h src/pg/datum.h
src/engine/context.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
src/pg/datum.h:
