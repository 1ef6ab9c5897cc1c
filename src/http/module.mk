src_libcorelay_a_SOURCES +=
