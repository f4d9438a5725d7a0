# Wraps compiles, links and archives of a CMake project; CMake 3.21 or later, Ninja and Makefile generators.
#
#   cmake -DCMAKE_PROJECT_INCLUDE=PREFIX/share/rewrap/rewrap.cmake …     at the end of each project()
#   cmake -DCMAKE_TOOLCHAIN_FILE=PREFIX/share/rewrap/rewrap.cmake …      the same, where CMAKE_PROJECT_INCLUDE is taken
#   include(PREFIX/share/rewrap/rewrap.cmake)                            the same, from a toolchain file of your own
#
# Launchers that are set already stay. Archives of a language that is enabled after project() are not wrapped. What
# configuring asks compilers (try_compile) goes past rewrap.

get_property(_rewrap_is_check GLOBAL PROPERTY IN_TRY_COMPILE)
if(_rewrap_is_check)
  return()
endif()

# Installed, the wrapper is in PREFIX/bin; in the source tree it is where cargo puts it.
find_program(REWRAP_LAUNCHER rewrap-cc
  HINTS "${CMAKE_CURRENT_LIST_DIR}/../../bin" "${CMAKE_CURRENT_LIST_DIR}/../target/release"
  NO_CMAKE_FIND_ROOT_PATH
  DOC "rewrap's wrapper")
mark_as_advanced(REWRAP_LAUNCHER)
if(NOT REWRAP_LAUNCHER)
  message(WARNING "rewrap: cannot find rewrap-cc, so nothing is wrapped; put it on PATH or set REWRAP_LAUNCHER")
  return()
endif()

# Read before the languages are known (as a toolchain file): once more when they are.
if(NOT CMAKE_PROJECT_INCLUDE)
  set(CMAKE_PROJECT_INCLUDE "${CMAKE_CURRENT_LIST_FILE}")
endif()

foreach(_rewrap_lang IN ITEMS C CXX)
  foreach(_rewrap_step IN ITEMS COMPILER LINKER)
    set(_rewrap_launcher CMAKE_${_rewrap_lang}_${_rewrap_step}_LAUNCHER)
    if(NOT ${_rewrap_launcher} AND NOT DEFINED ENV{${_rewrap_launcher}})
      set(${_rewrap_launcher} "${REWRAP_LAUNCHER}")
    endif()
  endforeach()
endforeach()

# CMake has no launcher for these; their rules are variables that begin with the tool.
get_property(_rewrap_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
foreach(_rewrap_lang IN LISTS _rewrap_languages)
  set(_rewrap_rules CREATE_STATIC_LIBRARY)
  foreach(_rewrap_step IN ITEMS CREATE APPEND FINISH)
    list(APPEND _rewrap_rules ARCHIVE_${_rewrap_step} ARCHIVE_${_rewrap_step}_IPO)
  endforeach()
  if(_rewrap_lang STREQUAL "ASM")
    list(APPEND _rewrap_rules COMPILE_OBJECT LINK_EXECUTABLE)
  endif()
  foreach(_rewrap_rule IN LISTS _rewrap_rules)
    set(_rewrap_rule CMAKE_${_rewrap_lang}_${_rewrap_rule})
    string(FIND "${${_rewrap_rule}}" "${REWRAP_LAUNCHER}" _rewrap_at)
    if(${_rewrap_rule} AND _rewrap_at EQUAL -1)
      # Either a placeholder (<CMAKE_AR>) or, with link-time optimisation, gcc-ar or llvm-ar by its quoted path.
      list(TRANSFORM ${_rewrap_rule} PREPEND "\"${REWRAP_LAUNCHER}\" "
        REGEX "^(<CMAKE_(AR|RANLIB|ASM_COMPILER)>|\"[^\"]*(ar|ranlib)[^\"/]*\")")
    endif()
  endforeach()
endforeach()

foreach(_rewrap_name IN ITEMS is_check lang step launcher languages rules rule at)
  unset(_rewrap_${_rewrap_name})
endforeach()
unset(_rewrap_name)
