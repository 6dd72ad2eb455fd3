# llhttp, the HTTP parser of Node.js. Debian 12 ships its C sources in the package node-llhttp; later
# releases have libllhttp-dev. Gives the target llhttp::llhttp.
find_path(llhttp_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp)
find_library(llhttp_LIBRARY llhttp)
find_path(llhttp_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
if(llhttp_LIBRARY)
    find_package_handle_standard_args(llhttp REQUIRED_VARS llhttp_LIBRARY llhttp_INCLUDE_DIR)
else()
    find_package_handle_standard_args(llhttp REQUIRED_VARS llhttp_SOURCE_DIR llhttp_INCLUDE_DIR
        REASON_FAILURE_MESSAGE "install node-llhttp (Debian 12) or libllhttp-dev (later)")
endif()

if(llhttp_FOUND AND NOT TARGET llhttp::llhttp)
    if(llhttp_LIBRARY)
        add_library(llhttp::llhttp UNKNOWN IMPORTED)
        set_target_properties(llhttp::llhttp PROPERTIES IMPORTED_LOCATION ${llhttp_LIBRARY})
        target_include_directories(llhttp::llhttp INTERFACE ${llhttp_INCLUDE_DIR})
    else()
        add_library(llhttp_sources STATIC ${llhttp_SOURCE_DIR}/llhttp.c ${llhttp_SOURCE_DIR}/api.c
                    ${llhttp_SOURCE_DIR}/http.c)
        target_include_directories(llhttp_sources SYSTEM PUBLIC ${llhttp_INCLUDE_DIR})
        # Release 8 takes laxer line ends and spaces unless told otherwise; release 9 has no such switch.
        target_compile_definitions(llhttp_sources PUBLIC LLHTTP_STRICT_MODE=1)
        target_compile_options(llhttp_sources PRIVATE -w -O2)
        add_library(llhttp::llhttp ALIAS llhttp_sources)
    endif()
endif()
