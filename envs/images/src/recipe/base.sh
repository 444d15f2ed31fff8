id nonroot > /dev/null 2>&1 || useradd --create-home nonroot
