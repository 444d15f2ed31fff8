# top
import os
import b
