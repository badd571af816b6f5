src/protocol/scanner.o: src/protocol/scanner.cpp src/protocol/scanner.h \
 src/protocol/request.h
src/protocol/scanner.h:
src/protocol/request.h:
