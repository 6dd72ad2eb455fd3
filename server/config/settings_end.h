/* SPDX-License-Identifier: MIT */
/*
 * settings_end.h - forgets the macros that an inclusion of settings.def was made with, so that the
 * next one defines its own. Meant to be included many times, hence without a guard.
 */
#undef SECTION
#undef NUMBER
#undef AUTO
#undef BOOLEAN
#undef CHOICE
#undef ADDRESS
#undef RANGES
#undef PORTS
#undef NAMES
#undef FILE_NAME
#undef RESTART
