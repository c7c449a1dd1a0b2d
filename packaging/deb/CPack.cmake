# Debian packages: `cpack -G DEB` in a build folder makes imbrex-server,
# imbrex-tiler, libimbrex-dev and, with -DIMBREX_LABELS=ON, imbrex-labels from
# the components of cmake/Install.cmake.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME imbrex)
set(CPACK_PACKAGE_CONTACT "The Imbrex authors")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Imbrex authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME imbrex-server)
set(CPACK_COMPONENT_SERVER_DESCRIPTION
    "map tile server with hard limits\n Serves Imbrex tilesets of any size within configured memory.")
set(CPACK_DEBIAN_TILER_PACKAGE_NAME imbrex-tiler)
set(CPACK_DEBIAN_TILER_PACKAGE_SECTION science)
set(CPACK_COMPONENT_TILER_DESCRIPTION
    "makes map tilesets\n Turns geographic data into Imbrex tilesets.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libimbrex-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS libxxhash-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_DEV_DESCRIPTION
    "reads Imbrex map tilesets in-process\n Header and static library.")
set(CPACK_DEBIAN_LABELS_PACKAGE_NAME imbrex-labels)
set(CPACK_DEBIAN_LABELS_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_LABELS_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_LABELS_DESCRIPTION
    "names and icons on maps without internet\n Noto Sans glyph ranges and icons, which imbrex-server gives to map styles.")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS imbrex-labels)

set(CPACK_COMPONENTS_ALL "")
if(TARGET imbrex-server)
    list(APPEND CPACK_COMPONENTS_ALL server)
endif()
if(TARGET imbrex-tiler)
    list(APPEND CPACK_COMPONENTS_ALL tiler)
endif()
if(TARGET pack)
    list(APPEND CPACK_COMPONENTS_ALL dev)
endif()
if(TARGET labels)
    list(APPEND CPACK_COMPONENTS_ALL labels)
endif()
include(CPack)
