src/pg/json_text.o: src/pg/json_text.cpp src/pg/json_text.h \
 src/pg/datum.h src/pg/border.h src/pg/error.h src/prelude.h
src/pg/json_text.h:
src/pg/datum.h:
src/pg/border.h:
src/pg/error.h:
src/prelude.h:
