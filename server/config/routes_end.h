/* SPDX-License-Identifier: MIT */
/* routes_end.h - for routes.def what settings_end.h is for settings.def. */
#undef SECTION
#undef PREFIX
#undef HOST
#undef UPSTREAMS
#undef PROTOCOLS
#undef NUMBER
#undef BOOLEAN
#undef CHOICE
#undef INHERITED
#undef INHERITED_BOOLEAN
