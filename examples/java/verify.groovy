assert new File(basedir, 'build.log').text.contains('200: 0.5039 (')
