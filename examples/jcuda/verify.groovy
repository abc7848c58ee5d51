def log = new File(basedir, 'build.log').text
assert log =~ /no GPU: |dynaxx cannot use this GPU: |squared norm 25\.0/
