# The library by itself, for C programs that are not fetchonce: headers, libasync-locks static and
# shared, async-locks.pc.   cmake --install build/release --component async --prefix /usr/local

# Every object is position-independent, so that both kinds are made of the same ones.
add_library(async_shared SHARED $<TARGET_OBJECTS:async>)
target_link_libraries(async_shared PRIVATE Threads::Threads PkgConfig::libevent_core
                                           PkgConfig::libsodium)
set_target_properties(async_shared PROPERTIES
    LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
set_target_properties(async async_shared PROPERTIES OUTPUT_NAME async-locks)

file(RELATIVE_PATH prefix_from_pc
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(async-locks.pc.in async-locks.pc @ONLY)

install(TARGETS async async_shared COMPONENT async)
install(DIRECTORY include/async DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT async)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/async-locks.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT async)
