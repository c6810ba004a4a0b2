/* SPDX-License-Identifier: BSD-2-Clause */
#include "hostile.h"
const struct forgery image_tests[] = {{0}};
