# find_package(precis) -> target precis::precis. The library links its dependencies itself; users need none of their packages.
include("${CMAKE_CURRENT_LIST_DIR}/precisTargets.cmake")
