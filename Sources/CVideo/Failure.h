#pragma once

#include "include/CVideo.h"
#include <stdio.h>

/// Writes a failure's text, cut to the size the caller gave, and returns `status`.
#define syrinx_video_fail(message, status, ...) \
    (snprintf((message), SYRINX_VIDEO_MESSAGE_SIZE, __VA_ARGS__), (status))
