#include "include/CFonts.h"
