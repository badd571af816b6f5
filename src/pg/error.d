src/pg/error.o: src/pg/error.cpp src/pg/error.h src/prelude.h
src/pg/error.h:
src/prelude.h:
