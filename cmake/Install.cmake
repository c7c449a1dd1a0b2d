# What `cmake --install` puts where. Components are also the Debian packages
# of packaging/deb: server, tiler, labels, dev.
if(TARGET imbrex-server)
    install(TARGETS imbrex-server COMPONENT server)
    install(FILES packaging/systemd/imbrex-server.service
        DESTINATION lib/systemd/system COMPONENT server)
endif()
if(TARGET imbrex-tiler)
    install(TARGETS imbrex-tiler COMPONENT tiler)
endif()
foreach(program IN ITEMS server tiler)
    set(page docs/man/imbrex-${program}.1)
    if(TARGET imbrex-${program} AND EXISTS ${PROJECT_SOURCE_DIR}/${page})
        install(FILES ${page}
            DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${program})
    endif()
endforeach()

# Where imbrex-server looks for them: ../share/imbrex from its own folder.
if(IMBREX_LABELS)
    set(IMBREX_LABELS_FOLDER ${PROJECT_BINARY_DIR}/labels)
    file(GLOB label_sources CONFIGURE_DEPENDS
        ${PROJECT_SOURCE_DIR}/data/labels/*)
    add_custom_command(OUTPUT ${IMBREX_LABELS_FOLDER}/sprites/sprite.json
        COMMAND ${PROJECT_SOURCE_DIR}/data/labels/build.sh
            ${IMBREX_LABELS_FOLDER}
        DEPENDS ${label_sources} VERBATIM)
    add_custom_target(labels ALL
        DEPENDS ${IMBREX_LABELS_FOLDER}/sprites/sprite.json)
    install(DIRECTORY ${IMBREX_LABELS_FOLDER}/
        DESTINATION share/imbrex COMPONENT labels)
    install(FILES data/labels/copyright
        DESTINATION share/doc/imbrex-labels COMPONENT labels)
endif()

if(TARGET pack)
    # The archive is static, so its own needs are the user's too: `Requires`,
    # not `Requires.private`, and plain `pkg-config --libs` is enough.
    # Its prefix is found from its own place, so an installed tree can move.
    file(RELATIVE_PATH IMBREX_PC_UP
        /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    configure_file(cmake/imbrex.pc.in imbrex.pc @ONLY)
    # Without what only this very compiler understands (pack/CMakeLists.txt).
    set(IMBREX_PLAIN ${PROJECT_BINARY_DIR}/plain/libimbrex.a)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/plain)
    add_custom_command(OUTPUT ${IMBREX_PLAIN}
        COMMAND ${CMAKE_OBJCOPY} --remove-section=.gnu.lto_*
            $<TARGET_FILE:pack> ${IMBREX_PLAIN}
        DEPENDS pack VERBATIM)
    add_custom_target(plain_archive ALL DEPENDS ${IMBREX_PLAIN})
    install(FILES ${IMBREX_PLAIN}
        DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
    install(FILES pack/imbrex.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
    install(FILES ${PROJECT_BINARY_DIR}/imbrex.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endif()

# Debian wants the licence in each package's own folder.
foreach(row IN ITEMS "server imbrex-server" "tiler imbrex-tiler"
        "dev libimbrex-dev")
    separate_arguments(row)
    list(GET row 0 component)
    list(GET row 1 package)
    install(FILES LICENSE RENAME copyright
        DESTINATION share/doc/${package} COMPONENT ${component})
endforeach()
include(packaging/deb/CPack.cmake)
