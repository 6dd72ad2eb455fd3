# The language level, the warnings and the sanitizers that every target of the project is built with.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# assert() guards invariants in every build, so no build type defines NDEBUG.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(FETCHONCE_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")
option(FETCHONCE_COVERAGE "Record test coverage with gcov" OFF)

add_compile_definitions(_GNU_SOURCE)

# What our own sources are held to. Sources that come from elsewhere (llhttp) do not link this.
add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wundef
    -Wpointer-arith -Wwrite-strings -Werror
    $<$<C_COMPILER_ID:Clang>:-Wthread-safety>)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT FETCHONCE_SANITIZE)
    add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    add_link_options(-Wl,-z,relro,-z,now)
endif()
if(FETCHONCE_SANITIZE)
    add_compile_options(-fsanitize=${FETCHONCE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${FETCHONCE_SANITIZE})
endif()
if(FETCHONCE_COVERAGE)
    add_compile_options(--coverage -O0)
    add_link_options(--coverage)
endif()
