/* path.h - file names inside a tileset's folder. */
#ifndef IBX_PACK_PATH_H
#define IBX_PACK_PATH_H

/* "folder/name", to be free()d; NULL when there is no memory. */
char *ibx_path_join(const char *folder, const char *name);

#endif
