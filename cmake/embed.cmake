# Turns files into a C source with their bytes (server/page.h).
#   cmake -DOUTPUT=page_files.c -DFOLDER=web/dist -P embed.cmake
# Every file of FOLDER is embedded, texts also packed with gzip. Without files
# the list is empty. The same files give the same source.
file(GLOB names RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT names)
set(source "#include \"server/page.h\"\n\n")
set(table "")
set(count 0)

# Appends an array with the bytes that `hex` spells to `source`.
function(embed_hex symbol hex)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REPEAT "." 75 line) # 15 bytes of 5 characters each
    string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
    set(source "${source}static const uint8_t ${symbol}[] = {\n${bytes}\n};\n\n" PARENT_SCOPE)
endfunction()

# The packed bytes as hex. Bytes 4 to 7 of the header are a time, which must
# not make two builds differ.
function(pack_hex path out)
    set(packed ${OUTPUT}.gz)
    file(ARCHIVE_CREATE OUTPUT ${packed} PATHS ${path}
        FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
    file(READ ${packed} hex HEX)
    file(REMOVE ${packed})
    string(SUBSTRING "${hex}" 0 8 head)
    string(SUBSTRING "${hex}" 16 -1 tail)
    set(${out} "${head}00000000${tail}" PARENT_SCOPE)
endfunction()

foreach(name IN LISTS names)
    file(SIZE ${FOLDER}/${name} size)
    if(IS_DIRECTORY ${FOLDER}/${name} OR size EQUAL 0)
        continue()
    endif()
    file(READ ${FOLDER}/${name} hex HEX)
    embed_hex(file_${count} "${hex}")
    set(packed "NULL, 0")
    if(name MATCHES "\\.(html|js|css|json|svg|txt|webmanifest)$" AND size GREATER 1023)
        pack_hex(${FOLDER}/${name} hex)
        embed_hex(file_${count}_gz "${hex}")
        set(packed "file_${count}_gz, sizeof(file_${count}_gz)")
    endif()
    set(table "${table}    { \"${name}\", file_${count}, sizeof(file_${count}), ${packed} },\n")
    math(EXPR count "${count} + 1")
endforeach()

set(table "${table}    { \"\", NULL, 0, NULL, 0 },\n")
set(source "${source}const struct page_file page_files[] = {\n${table}};\nconst size_t npage_files = ${count};\n")
file(WRITE ${OUTPUT}.new "${source}")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)
