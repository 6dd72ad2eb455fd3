/* SPDX-License-Identifier: MIT */
/*
 * quality.c - a number from 0 to 1 with at most three decimals, as an integer.
 */
#include "quality.h"

int quality_parse(struct span text)
{
    int quality, unit = QUALITY_MAX / 10;

    if (text.length == 0 || text.length > 5 || (text.bytes[0] != '0' && text.bytes[0] != '1'))
        return -1;
    quality = (text.bytes[0] - '0') * QUALITY_MAX;
    if (text.length > 1 && text.bytes[1] != '.')
        return -1;
    for (size_t i = 2; i < text.length; i++, unit /= 10) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return -1;
        quality += (text.bytes[i] - '0') * unit;
    }
    return quality <= QUALITY_MAX ? quality : -1;
}
