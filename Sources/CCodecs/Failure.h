#pragma once

#include "include/CCodecs.h"
#include <stdio.h>

/// Writes a failure's text, cut to the size the caller gave, and returns `status`.
#define syrinx_codecs_fail(message, status, ...) \
    (snprintf((message), SYRINX_CODECS_MESSAGE_SIZE, __VA_ARGS__), (status))
