url="${miniconda//\{arch\}/$(uname -m)}"
if command -v curl > /dev/null; then
    curl -fsSL "$url" -o /tmp/miniconda.sh
else
    wget -q "$url" -O /tmp/miniconda.sh
fi
bash /tmp/miniconda.sh -b -p /opt/miniconda3
rm /tmp/miniconda.sh
/opt/miniconda3/bin/conda init --all
/opt/miniconda3/bin/conda config --append channels conda-forge
