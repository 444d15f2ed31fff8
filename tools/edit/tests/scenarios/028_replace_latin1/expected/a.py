# -*- coding: latin-1 -*-
name = "thé"
more = "üß"
